"""The log of a JetStream stream: questions, answers, and consumers that are asked for messages."""
