"""Which kinds of address a channel may have: every scheme that Apprise knows, decided one by one.

A test compares these lists with the installed Apprise, so that a new scheme is nobody's until
somebody has read what its plugin does.
"""

from __future__ import annotations

WEBHOOK, PLAIN_WEBHOOK = "webhook", "webhook+http"  # the second: inside the network, without TLS
WEBHOOKS = frozenset({WEBHOOK, PLAIN_WEBHOOK})

# They run programs, draw on this machine's desktop, or write to its log. No setting lifts this.
LOCAL = frozenset(
    {
        *("dbus", "qt", "kde", "glib", "gio", "gnome", "macosx", "windows", "growl", "syslog"),
        *("blink1", "exec", "shell", "plugin"),
    }
)
# They read or write files whose path the address names. No setting lifts this either.
FILES = frozenset({"file", "fcm", "vapid"})
NEVER = LOCAL | FILES

# They open connections of their own, past the guard that keeps requests out of the network. An
# operator who allows one lets whoever manages channels reach any host and port from here.
UNGUARDED = frozenset(
    {
        *("amqp", "amqps", "aprs", "deltachat", "deltachats", "irc", "ircs", "mailto", "mailtos"),
        *("mqtt", "mqtts", "nostr", "rsyslog", "smpp", "smpps", "xmpp", "xmpps"),
    }
)
# They hand on to whatever another server is set up to reach, or write what we do not see.
RELAYS = frozenset({"apprise", "apprises", "form", "forms", "xml", "xmls"})
# Devices and servers of a home, which stand inside a network.
AT_HOME = frozenset(
    {
        *("emby", "embys", "enigma2", "enigma2s", "hassio", "hassios", "jellyfin", "jellyfins"),
        *("kodi", "kodis", "lametric", "lametrics", "xbmc", "xbmcs"),
    }
)
# Text messages, calls and mail: each costs money, or is unfit for many (email guide).
PAID = frozenset(
    {
        *("46elks", "atalk", "azure", "brevo", "bulksms", "bulkvs", "burstsms", "clickatell"),
        *("clicksend", "cm", "d7sms", "dapnet", "eight00com", "elks", "exotel", "freemobile"),
        *("groundmail", "gupshup", "httpsms", "infobip", "kaleyra", "kavenegar", "klr"),
        *("kudosity", "mailersend", "mailgun", "mobilemessage", "mobilemsg", "msg91", "msgbird"),
        *("nexmo", "notifyre", "o365", "octopush", "pingram", "plivo", "postmark", "resend"),
        *("sendgrid", "sendpulse", "serwersms", "ses", "seven", "sfr", "sinch", "smsc"),
        *("smseagle", "smseagles", "smsmanager", "smsmgr", "smstunnel", "smtp2go", "sns"),
        *("sparkpost", "telesign", "telnyx", "twilio", "voipms", "vonage"),
    }
)
# Chats and feeds of people that nobody has tried with us; an operator may, by the setting.
UNTRIED = frozenset(
    {
        *("bluesky", "bsky", "cliq", "dingtalk", "evolution", "evolutions", "feishu", "flock"),
        *("fluxer", "fluxers", "github", "groupme", "guilded", "humhub", "humhubs", "jira"),
        *("kakao", "kakaotalk", "kook", "lark", "line", "mastodon", "mastodons", "misskey"),
        *("misskeys", "ncloud", "nclouds", "nctalk", "nctalks", "onebot", "onebots", "qq"),
        *("reddit", "revolt", "ringc", "ryver", "session", "sessions", "signal", "signals"),
        *("sogs", "stackfield", "strmlabs", "synology", "synologys", "threema", "toot", "toots"),
        *("tweet", "twist", "twitter", "viber", "webex", "wechat", "wecom", "wecombot", "whapi"),
        *("whatsapp", "wxteams", "x", "zalo", "zcliq", "zohocliq", "zoom", "workflow"),
    }
)
# Pushes to one person's devices, and alarms of those on duty.
PERSONAL = frozenset(
    {
        *("bark", "barks", "betterstack", "chanify", "dot", "firehydrant", "flowtriq"),
        *("flowtriqs", "goalert", "goalerts", "gorush", "gorushs", "gotify", "gotifys", "ifttt"),
        *("ilert", "incidentio", "join", "kumulos", "lauther", "lfg", "notica", "noticas"),
        *("notifiarr", "notifico", "notificos", "onesignal", "opsgenie", "pagerduty"),
        *("pagertree", "parsep", "parseps", "pbul", "pinglet", "pinglets", "pjet", "pjets"),
        *("pover", "prowl", "psafer", "psafers", "push", "pushdeer", "pushdeers", "pushed"),
        *("pushme", "pushplus", "pushward", "pushy", "schan", "signalgrid", "signl4"),
        *("simplepush", "spike", "splunk", "spugpush", "spush", "squadcast", "trigv", "trigvs"),
        *("victorops", "wpush", "wxpusher", "xmatters", "youlmk"),
    }
)
OFF = UNGUARDED | RELAYS | AT_HOME | PAID | UNTRIED | PERSONAL  # unless a setting names one

# Schemes whose first part is the address of a server; elsewhere that part may be a token.
HOSTED = frozenset(
    {
        *("json", "jsons", "matrix", "matrixs", "mmost", "mmosts", "ntfy", "ntfys", "rocket"),
        *("rockets", "workflow", "workflows", "zulip", WEBHOOK, PLAIN_WEBHOOK),
    }
)
# Of these, the first part of a short address is a token or a topic all the same.
MAYBE_HOSTED = frozenset({"matrix", "matrixs", "ntfy", "ntfys", "zulip"})

# Web addresses that people copy from a service, and how they are written here.
WEB_HOSTS = {
    "hooks.slack.com": "slack",
    "discord.com": "discord",
    "discordapp.com": "discord",
    "api.telegram.org": "tgram",
    "chat.googleapis.com": "gchat",
    "ntfy.sh": "ntfy",
}
