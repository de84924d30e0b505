"""The emulated WhatsApp network."""
