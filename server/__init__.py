"""The reference server: send, tag and reply in front of an emulated WhatsApp network."""
