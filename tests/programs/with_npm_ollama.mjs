// The client of Ollama for JavaScript; the second argument is the folder that holds node_modules.
import { createRequire } from "node:module";

const [url, modules] = process.argv.slice(2);
const { Ollama } = createRequire(`${modules}/`)("ollama");
const client = new Ollama({ host: url });
const model = "llama3.2";
const user = (content) => [{ role: "user", content }];
const tools = [
  {
    type: "function",
    function: {
      name: "get_weather",
      description: "Get the weather of a city.",
      parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
    },
  },
];
const format = {
  type: "object",
  properties: { name: { type: "string" }, age: { type: "integer" } },
  required: ["name", "age"],
};

const whole = await client.chat({ model, messages: user("Why is the sky blue?") });
const pieces = [];
for await (const part of await client.chat({ model, messages: user("Why is the sky blue?"), stream: true })) {
  pieces.push(part.message.content);
}
const messages = user("What is the weather?");
const called = (await client.chat({ model, messages, tools })).message;
const call = called.tool_calls[0].function;
messages.push(called, { role: "tool", content: "11 degrees", tool_name: call.name });
const after = await client.chat({ model, messages, tools });
const structured = await client.chat({ model, messages: user("Who?"), format });
const embedded = await client.embed({ model: "all-minilm", input: ["one", "two"] });
console.log(
  JSON.stringify({
    text: whole.message.content,
    pieces,
    call: [call.name, call.arguments],
    after_call: after.message.content,
    structured: JSON.parse(structured.message.content),
    vectors: embedded.embeddings,
  }),
);
