"""Tell people how a run ended: webhook and mail, silent when neither is configured."""

from rapport.notifications.event import Event
from rapport.notifications.send import Delivery, notify

__all__ = ["Delivery", "Event", "notify"]
