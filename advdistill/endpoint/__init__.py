"""What teachers share that answer over HTTP, by the protocol of OpenAI."""
