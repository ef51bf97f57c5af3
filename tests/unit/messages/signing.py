"""A key for tests, and two programs that check signatures without asking the DNS."""

from __future__ import annotations

import subprocess
from functools import cache

import dkim as dkimpy

from service.dkim import new_key, txt_record

DOMAIN, SELECTOR = "tellal.example", "2026a"
NAME = f"{SELECTOR}._domainkey.{DOMAIN}"
PERL = r"""
use strict; use warnings; use Mail::DKIM::Verifier; use Mail::DKIM::DNS; use Net::DNS;
my ($name, $text) = @ARGV;
{ no warnings 'redefine';
  *Mail::DKIM::DNS::query = sub {
    return () unless lc $_[0] eq lc $name;
    return Net::DNS::RR->new(name => $name, type => 'TXT', txtdata => [unpack '(A255)*', $text]);
  }; }
my $verifier = Mail::DKIM::Verifier->new; binmode STDIN;
while (<STDIN>) { $verifier->PRINT($_) }
$verifier->CLOSE; print $verifier->result_detail;
"""


@cache
def pem() -> str:
    """The same key for the whole run: making one takes a while."""
    return new_key()


def passes_dkimpy(raw: bytes, record: str = "") -> bool:
    found = (record or txt_record(pem())).encode()
    return dkimpy.verify(
        raw, dnsfunc=lambda name, timeout=5: found if name.rstrip(b".") == NAME.encode() else None
    )


def perl_says(raw: bytes) -> str:
    """What Mail::DKIM, which SpamAssassin uses, says: `pass`, or how it fails."""
    words = ["perl", "-e", PERL, NAME, txt_record(pem())]
    return subprocess.run(words, input=raw, capture_output=True, check=True).stdout.decode()
