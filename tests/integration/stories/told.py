"""What these tests post and ask."""

from __future__ import annotations

from typing import Any

from service.models import (
    Article,
)

TEXT = (
    "İklim eylem planı kapsamında körfez kıyısında yeni bir sulak alan kurulacak. Çalışmalar "
    "haziran ayında başlayacak, karbon salımı azalacak ve kuşlar için güvenli bir yaşam alanı "
    "doğacak. Belediye ekipleri ağaçlandırma için gün sayıyor."
)
OTHER = (
    "Kentin iklim krizine karşı hazırladığı rapor kamuoyuna sunuldu. Raporda sera gazı "
    "salımının on yılda yarıya inmesi, binaların yenilenmesi ve toplu taşımanın "
    "güçlenmesi hedefleniyor. Uzmanlar sonuçları olumlu buldu."
)


def stories(town: Any) -> int:
    """How many there are."""
    return len({article.story_id for article in town.all(Article)})
