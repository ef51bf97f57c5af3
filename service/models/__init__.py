"""The rows of Tellal, one noun a file."""

from service.models.alarm import Alarm, AlarmKind
from service.models.api_key import ApiKey
from service.models.approval import Approval
from service.models.archive_month import ArchiveMonth
from service.models.archived_entry import ArchivedEntry
from service.models.article import Article, ArticleAlias, ArticleState, Revision, RevisionState
from service.models.audit import AuditEntry, AuditHead, Via
from service.models.batch import Batch, BatchState
from service.models.bounce import Bounce, BounceVerdict
from service.models.canary import Canary, CanaryKind, CanaryProof
from service.models.channel import Channel, ChannelTest
from service.models.chat_target import ChatClaim, ChatInbox, ChatTarget, TargetEnd
from service.models.consent import Consent, ConsentAct
from service.models.delivery import Delivery, DeliveryAnswer, DeliveryState
from service.models.delivery_day import DeliveryDay
from service.models.destination import Destination, DestinationKind
from service.models.digest import DigestArticle, DigestItem, DigestRun
from service.models.erasure import Erasure
from service.models.feed_clock import FeedClock
from service.models.feed_departure import FeedDeparture
from service.models.feed_stamp import FeedStamp
from service.models.halt import Halt, HaltKind, HaltScope
from service.models.imported import Before, ImportEntry, ImportRun
from service.models.inbox import InboxEvent, Verdict
from service.models.job import Job, JobFile, JobState
from service.models.learning import ArchiveText, Learning, ModelState, ModelVersion
from service.models.listing import Listing
from service.models.mail_lane import MailLane
from service.models.mail_template import TemplateDraft, TemplateVersion
from service.models.mailbox import MailboxMessage
from service.models.notice import NoticeKind, NoticeText
from service.models.notification import (
    Notification,
    NotificationKind,
    NotificationState,
    Resend,
)
from service.models.place import Place, PlaceLabel
from service.models.pull import Pull, PullAlarm, PullItem, PullKind, PullState
from service.models.reader_day import BounceDay, Figure, ReaderDay
from service.models.review import Decision, ReviewDecision
from service.models.sent_message import SentMessage
from service.models.source import Source
from service.models.staff import Role, Staff, StaffRole, StaffTopic
from service.models.story import Story, StoryLink
from service.models.subscriber import Subscriber
from service.models.subscription import Frequency, Subscription
from service.models.suppression import Suppression, SuppressionReason
from service.models.tally import DelayDay, Tally, TallyDay
from service.models.taxonomy import Taxonomy, TaxonomyVersion, TopicDraft
from service.models.token import OneTimeToken, TokenPurpose
from service.models.topic import LabelOrigin, LabelState, Topic, TopicLabel
from service.models.webhook_key import WebhookKey
from service.models.websub import (
    HubMode,
    WebsubEnd,
    WebsubList,
    WebsubRequest,
    WebsubSubscription,
)
from service.models.wrong_topic import WrongTopic, WrongTopicKind

__all__ = [
    "Alarm",
    "AlarmKind",
    "ApiKey",
    "Approval",
    "ArchiveMonth",
    "ArchiveText",
    "ArchivedEntry",
    "Article",
    "ArticleAlias",
    "ArticleState",
    "AuditEntry",
    "AuditHead",
    "Batch",
    "BatchState",
    "Before",
    "Bounce",
    "BounceDay",
    "BounceVerdict",
    "Canary",
    "CanaryKind",
    "CanaryProof",
    "Channel",
    "ChannelTest",
    "ChatClaim",
    "ChatInbox",
    "ChatTarget",
    "Consent",
    "ConsentAct",
    "Decision",
    "DelayDay",
    "Delivery",
    "DeliveryAnswer",
    "DeliveryDay",
    "DeliveryState",
    "Destination",
    "DestinationKind",
    "DigestArticle",
    "DigestItem",
    "DigestRun",
    "Erasure",
    "FeedClock",
    "FeedDeparture",
    "FeedStamp",
    "Figure",
    "Frequency",
    "Halt",
    "HaltKind",
    "HaltScope",
    "HubMode",
    "ImportEntry",
    "ImportRun",
    "InboxEvent",
    "Job",
    "JobFile",
    "JobState",
    "LabelOrigin",
    "LabelState",
    "Learning",
    "Listing",
    "MailLane",
    "MailboxMessage",
    "ModelState",
    "ModelVersion",
    "NoticeKind",
    "NoticeText",
    "Notification",
    "NotificationKind",
    "NotificationState",
    "OneTimeToken",
    "Place",
    "PlaceLabel",
    "Pull",
    "PullAlarm",
    "PullItem",
    "PullKind",
    "PullState",
    "ReaderDay",
    "Resend",
    "ReviewDecision",
    "Revision",
    "RevisionState",
    "Role",
    "SentMessage",
    "Source",
    "Staff",
    "StaffRole",
    "StaffTopic",
    "Story",
    "StoryLink",
    "Subscriber",
    "Subscription",
    "Suppression",
    "SuppressionReason",
    "Tally",
    "TallyDay",
    "TargetEnd",
    "Taxonomy",
    "TaxonomyVersion",
    "TemplateDraft",
    "TemplateVersion",
    "TokenPurpose",
    "Topic",
    "TopicDraft",
    "TopicLabel",
    "Verdict",
    "Via",
    "WebhookKey",
    "WebsubEnd",
    "WebsubList",
    "WebsubRequest",
    "WebsubSubscription",
    "WrongTopic",
    "WrongTopicKind",
]
