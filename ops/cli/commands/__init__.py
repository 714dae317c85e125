"""The commands of ``main.py`` beside serving: options in, text or JSON out."""
