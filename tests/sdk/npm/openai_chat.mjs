// Chat Completions through `openai`.

import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { Answer, CITY, LINK, NOTHING, PIXEL, QUESTION, RESULTS, broken, calls, user } from "./told.mjs";

const WEATHER = { type: "function", function: { name: "get_weather", parameters: CITY } };
const CLOCK = { type: "function", function: { name: "get_time", parameters: NOTHING } };
const ENDS = { stop: "end", tool_calls: "tool", length: "limit" };

export default ({ base, key, small, think, faulty }) => {
  const { completions } = new OpenAI({ baseURL: `${base}/v1`, apiKey: key, maxRetries: 2 }).chat;
  const messages = [user(QUESTION)];
  const made = (message) => calls(message.tool_calls.map((call) => [call.function.name, call.function.arguments]));
  const used = (usage) => [usage.prompt_tokens, usage.completion_tokens];
  const answered = (message) => [
    message,
    ...message.tool_calls.map(({ id, function: { name } }) => ({ role: "tool", tool_call_id: id, content: RESULTS[name] })),
  ];
  const facts = (answer) => ({
    said: answer.choices[0].message.content,
    ended: ENDS[answer.choices[0].finish_reason],
    used: used(answer.usage),
  });

  const streamed = async (model) => {
    const stream = completions.stream({ model, messages, stream_options: { include_usage: true } });
    let pieces = 0;
    stream.on("content", () => (pieces += 1));
    return { ...facts(await stream.finalChatCompletion()), streamed: pieces > 1 };
  };

  // The helper keeps what the API itself knows; what providers added to it is gathered by hand, as apps do.
  const thoughtful = async (stream) => {
    const message = { role: "assistant", content: null, tool_calls: [] };
    for await (const { choices } of stream) {
      const delta = choices[0]?.delta ?? {};
      for (const name of ["content", "reasoning_content", "reasoning"])
        if (delta[name]) message[name] = (message[name] ?? "") + delta[name];
      if (delta.reasoning_details) (message.reasoning_details ??= []).push(...delta.reasoning_details);
      for (const { index, ...part } of delta.tool_calls ?? []) {
        const call = message.tool_calls[index];
        if (call) call.function.arguments += part.function.arguments;
        else message.tool_calls[index] = structuredClone(part);
      }
    }
    return message;
  };

  const thinking = async (stream) => {
    const asked = { model: think, tools: [WEATHER], reasoning_effort: "low" };
    const ask = async (messages) => {
      if (stream) return thoughtful(await completions.create({ ...asked, messages, stream }));
      return (await completions.create({ ...asked, messages })).choices[0].message;
    };
    const asking = [user("use the tool")];
    const first = await ask(asking);
    const signed =
      first.tool_calls.some((call) => call.extra_content) ||
      (first.reasoning_details ?? []).some((detail) => detail.signature || detail.data);
    const second = await ask([...asking, ...answered(first)]);
    return { thought: first.reasoning_content ?? first.reasoning ?? "", signed, said: second.content };
  };

  const seen = async (url) => {
    const content = [{ type: "text", text: "what is it" }, { type: "image_url", image_url: { url } }];
    return { said: (await completions.create({ model: small, messages: [user(content)] })).choices[0].message.content };
  };

  return {
    text: async () => facts(await completions.create({ model: small, messages })),
    stream: () => streamed(small),
    slow: () => streamed(faulty("delay=2")),
    parallel: async () => {
      const asked = { model: small, tools: [WEATHER, CLOCK] };
      const asking = [user("use both tools in parallel")];
      const first = (await completions.stream({ ...asked, messages: asking }).finalChatCompletion()).choices[0];
      const second = completions.stream({ ...asked, messages: [...asking, ...answered(first.message)] });
      return { calls: made(first.message), ended: ENDS[first.finish_reason], said: await second.finalContent() };
    },
    loop: async () => {
      const asked = { model: small, tools: [WEATHER] };
      const asking = [user("use the tool")];
      const first = await completions.create({ ...asked, messages: asking });
      const second = await completions.create({ ...asked, messages: [...asking, ...answered(first.choices[0].message)] });
      return { said: second.choices[0].message.content, ended: ENDS[second.choices[0].finish_reason] };
    },
    thinking: () => thinking(false),
    thinking_stream: () => thinking(true),
    structured: async () => {
      const asked = { model: small, messages, response_format: zodResponseFormat(Answer, "answer") };
      return (await completions.parse(asked)).choices[0].message.parsed;
    },
    image: () => seen(`data:image/png;base64,${PIXEL}`),
    image_link: () => seen(LINK),
    broken: async () =>
      broken(await completions.create({ model: faulty("cut-events=3c"), messages, stream: true }), ({ choices }) =>
        Boolean(choices?.[0]?.delta.content),
      ),
  };
};
