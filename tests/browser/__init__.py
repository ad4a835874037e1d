"""Tests that drive the app in Chromium. A package, so that its browser and server end with its last test."""
