"""Fixed words of messages in both languages. No Turkish suffix is ever joined to a variable."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from babel.dates import format_date

WORDS: dict[str, dict[str, str]] = {
    "tr": {
        "read": "Haberin tamamı",
        "topics": "Konular",
        "places": "İlçeler",
        "whole_city": "Bütün şehir",
        "all_topics": "Bütün konular",
        "instant": "haber yayımlandıkça",
        "daily": "günde bir özet",
        "weekly": "haftada bir özet",
        "why_question": "Bu e-postayı neden aldınız?",
        "daily_heading": "Bugünün haberleri",
        "weekly_heading": "Haftanın haberleri",
        "summary_heading": "Sessiz saatlerinizin haberleri",
        "daily_subject": "Bugünün haberleri: {title} ve {n} haber daha",
        "weekly_subject": "Haftanın haberleri: {title} ve {n} haber daha",
        "summary_subject": "Sessiz saatlerinizde: {title} ve {n} haber daha",
        "daily_subject_one": "Bugünün haberleri: {title}",
        "weekly_subject_one": "Haftanın haberleri: {title}",
        "summary_subject_one": "Sessiz saatlerinizde: {title}",
        "digest_more": "{n} haber daha: bütün haberler",
        "digest_why": "Şunları istediniz ({frequency}). İlki: {date}.",
        "other_wishes": "ve {n} seçim daha",
        "other_news": "Diğer haberler",
        "unsubscribe_digest": "Bu özetten ayrıl",
        "why": "{date} tarihinde şunu istediniz: {topic} – {place}, {frequency}.",
        "evidence": "Konuyu belirleyen sözcükler: {terms}.",
        "urgent_title": "Acil: {title}",
        "correction_title": "Düzeltme: {title}",
        "correction_lead": "Daha önce duyurduğumuz bu haber düzeltildi.",
        "correction_note": "Ne değişti: {note}",
        "withdrawal_title": "Geri çekildi: {title}",
        "withdrawal_lead": "Daha önce duyurduğumuz bu haber geri çekildi. Lütfen dikkate almayın.",
        "withdrawal_note": "Neden: {note}",
        "unsubscribe": "Abonelikten ayrıl",
        "published": "Yayım tarihi",
        "service_name": "Haber bildirimleri",
        "confirm_subject": "Aboneliğinizi onaylayın",
        "confirm_lead": "Aboneliğinizi başlatmak için bu bağlantıyı açın ve düğmeye basın. "
        "Bağlantı 7 gün geçerlidir.",
        "confirm_link": "Aboneliği onayla",
        "confirm_more_subject": "Yeni seçimlerinizi onaylayın",
        "confirm_more_lead": "Bu adrese gelen abonelikleriniz zaten var. Yeni seçimlerinizi "
        "eklemek için bu bağlantıyı açın ve düğmeye basın; açılan sayfadan hepsini "
        "değiştirebilirsiniz. Bağlantı 7 gün geçerlidir.",
        "ignore": "Bu isteği siz yapmadıysanız hiçbir şey yapmayın.",
        "welcome_subject": "Aboneliğiniz başladı",
        "welcome_lead": "Seçtiğiniz haberler bundan sonra bu adrese gelecek. "
        "Her e-postanın altında ayrılma bağlantısı vardır.",
        "mail_test_subject": "Deneme e-postası",
        "mail_test_lead": "Bu e-posta, e-postaların yerine ulaştığını görmek için gönderildi. "
        "Bununla hiçbir şeye abone olmadınız; bir şey yapmanız gerekmez.",
        "manage": "Aboneliklerim / Ara ver",
        "sign_in_subject": "Giriş bağlantınız",
        "sign_in_lead": "Aboneliklerinizi görmek ve değiştirmek için bu bağlantıyı açın ve düğmeye "
        "basın. Bağlantı 30 dakika ve bir kez geçerlidir.",
        "sign_in_link": "Aboneliklerimi aç",
        "move_subject": "Yeni adresinizi onaylayın",
        "move_lead": "Haberlerimizi alan biri, haberlerin bundan sonra bu adrese gelmesini istedi. "
        "Bunu siz istediyseniz bağlantıyı açın ve düğmeye basın. Bağlantı 24 saat geçerlidir.",
        "move_link": "Bu adresi onayla",
        "move_asked_subject": "Haberleriniz için başka bir adres istendi",
        "move_asked_lead": "Aboneliklerinize giren biri, haberlerinizin başka bir adrese gitmesini "
        "istedi. O adresten onaylanana kadar hiçbir şey değişmez. Bunu siz istemediyseniz "
        "değişikliği durdurun.",
        "move_asked_link": "Değişikliği durdur",
        "move_taken_subject": "Bu adres zaten haber alıyor",
        "move_taken_lead": "Haberlerimizi başka bir adreste alan biri, haberlerin bundan sonra bu "
        "adrese gelmesini istedi. Bu adresin kendi abonelikleri olduğu için hiçbir şey değişmedi. "
        "Bunu siz istediyseniz giriş yapın ve konularınızı burada seçin; öteki adresteki "
        "abonelikleri oradan bitirin.",
        "move_taken_link": "Giriş yap",
        "moved_subject": "Haberleriniz artık başka bir adrese gidiyor",
        "moved_lead": "İstenen değişiklik yeni adresten onaylandı. Bu adrese artık haber "
        "göndermiyoruz. Bunu siz istemediyseniz hemen belediyeye yazın; haberleri bu adreste almak "
        "için yeniden abone olabilirsiniz.",
        "test_title": "Deneme iletisi",
        "test_body": "Bu ileti, kanalın çalıştığını görmek için gönderildi.",
        "chat_code_title": "Kodunuz: {code}",
        "chat_code_body": "Haberlerin bu sohbete gelmesi için kodu 15 dakika içinde "
        "sayfaya yazın. Bu isteği siz yapmadıysanız hiçbir şey yapmayın.",
        "chat_welcome_title": "Haberler bundan sonra buraya da gelecek",
        "chat_stop": "Durdurmak için: {url}",
        "chat_stop_telegram": "Durdurmak için /stop yazın ya da şu sayfayı açın: {url}",
    },
    "en": {
        "read": "Read the full story",
        "topics": "Topics",
        "places": "Districts",
        "whole_city": "Whole city",
        "all_topics": "All topics",
        "instant": "as published",
        "daily": "one summary a day",
        "weekly": "one summary a week",
        "why_question": "Why this email?",
        "daily_heading": "Today’s news",
        "weekly_heading": "This week’s news",
        "summary_heading": "News of your quiet hours",
        "daily_subject": "Today’s news: {title} and {n} more",
        "weekly_subject": "This week’s news: {title} and {n} more",
        "summary_subject": "In your quiet hours: {title} and {n} more",
        "daily_subject_one": "Today’s news: {title}",
        "weekly_subject_one": "This week’s news: {title}",
        "summary_subject_one": "In your quiet hours: {title}",
        "digest_more": "{n} more: all news",
        "digest_why": "You asked for this ({frequency}). The first on {date}.",
        "other_wishes": "and {n} more choices",
        "other_news": "Other news",
        "unsubscribe_digest": "Unsubscribe from this summary",
        "why": "On {date} you asked for: {topic} – {place}, {frequency}.",
        "evidence": "Words that set the topic: {terms}.",
        "urgent_title": "Urgent: {title}",
        "correction_title": "Correction: {title}",
        "correction_lead": "This story, which we told you before, has been corrected.",
        "correction_note": "What changed: {note}",
        "withdrawal_title": "Withdrawn: {title}",
        "withdrawal_lead": "This story, which we told you before, has been withdrawn. "
        "Please disregard it.",
        "withdrawal_note": "Why: {note}",
        "unsubscribe": "Unsubscribe",
        "published": "Published",
        "service_name": "News notifications",
        "confirm_subject": "Confirm your subscription",
        "confirm_lead": "Open this link and press the button to start your subscription. "
        "It works for 7 days.",
        "confirm_link": "Confirm the subscription",
        "confirm_more_subject": "Confirm your new choices",
        "confirm_more_lead": "You already have subscriptions at this address. To add your new "
        "choices, open this link and press the button; the page that opens lets you change them "
        "all. The link works for 7 days.",
        "ignore": "If you did not ask for this, do nothing.",
        "welcome_subject": "Your subscription has started",
        "welcome_lead": "The news you chose will come to this address from now on. "
        "Every email has an unsubscribe link at its end.",
        "mail_test_subject": "Test email",
        "mail_test_lead": "This email was sent to see that email arrives. "
        "It subscribes you to nothing, and you need not do anything.",
        "manage": "My subscriptions / Pause",
        "sign_in_subject": "Your sign-in link",
        "sign_in_lead": "Open this link and press the button to see and change your "
        "subscriptions. It works for 30 minutes, and once.",
        "sign_in_link": "Open my subscriptions",
        "move_subject": "Confirm your new address",
        "move_lead": "Somebody who gets our news asked that it come to this address from now on. "
        "If that was you, open the link and press the button. It works for 24 hours.",
        "move_link": "Confirm this address",
        "move_asked_subject": "Another address was asked for your news",
        "move_asked_lead": "Somebody who opened your subscriptions asked that your news go to "
        "another address. Nothing changes before it is confirmed there. If that was not you, stop "
        "the change.",
        "move_asked_link": "Stop the change",
        "move_taken_subject": "This address gets news already",
        "move_taken_lead": "Somebody who gets our news at another address asked that it come to "
        "this one from now on. This address has subscriptions of its own, so nothing has changed. "
        "If that was you, sign in and choose your topics here, and end those of the other address "
        "there.",
        "move_taken_link": "Sign in",
        "moved_subject": "Your news goes to another address now",
        "moved_lead": "The change that was asked for has been confirmed at the new address. We "
        "send no news to this one any more. If that was not you, write to the municipality at "
        "once; to get the news here, you can subscribe again.",
        "test_title": "Test message",
        "test_body": "This message was sent to see that the channel works.",
        "chat_code_title": "Your code: {code}",
        "chat_code_body": "To get the news in this chat, enter the code on the page within "
        "15 minutes. If you did not ask for this, do nothing.",
        "chat_welcome_title": "From now on the news comes here too",
        "chat_stop": "To stop: {url}",
        "chat_stop_telegram": "To stop, write /stop or open this page: {url}",
    },
}


def words(language: str) -> dict[str, str]:
    """The words of a language; Turkish for any that is not spoken here."""
    return WORDS.get(language, WORDS["tr"])


@dataclass(frozen=True)
class Opening:
    """How a message begins: its title, and what it says before the news. Of a new story nothing."""

    title: str
    lead: str = ""
    note: str = ""


def opening(kind: str, title: str, note: str, language: str) -> Opening:
    """The opening of a message of this kind (new, correction or withdrawal) about a title."""
    if kind == "new":
        return Opening(title)
    say = words(language)
    return Opening(
        title=say[f"{kind}_title"].format(title=title),
        lead=say[f"{kind}_lead"],
        note=say[f"{kind}_note"].format(note=note) if note else "",
    )


def spoken(language: str) -> str:
    return language if language in WORDS else "tr"


def long_date(day: date, language: str) -> str:
    """`6 Haziran 2025 Cuma` or `6 June 2025 Friday`, as the citizens guide asks."""
    return format_date(day, "d MMMM y EEEE", locale=spoken(language))


# Controls but for the line's end, lone surrogates, and what no character ever is: no letter and no
# page may hold them.
_UNPRINTABLE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


def printable(text: str, limit: int) -> str:
    """The text without control characters, cut where it is longer than so many characters."""
    return cut(_UNPRINTABLE.sub(" ", text[: 4 * limit]).strip(), limit)


def cut(text: str, limit: int) -> str:
    """Shorten at a word's end and say so with an ellipsis."""
    if len(text) <= limit:
        return text
    return text[:limit].rsplit(" ", 1)[0][: limit - 1].rstrip(" ,;:–-") + "…"
