"""What each route answers, in the form of its interface: native, OpenAI or Anthropic."""
