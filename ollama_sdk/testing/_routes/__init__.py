"""The answers of each route, in the form of its interface: native, OpenAI or Anthropic."""
