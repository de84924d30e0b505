"""What the server tells of itself: figures, health with its alarms, metrics, live views."""
