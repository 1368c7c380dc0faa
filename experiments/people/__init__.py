"""Whom a session is for: profiles (child, adult) and what they are told, in their language."""
