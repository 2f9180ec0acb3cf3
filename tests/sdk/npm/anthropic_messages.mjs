// The Messages API through `@anthropic-ai/sdk`.

import Anthropic from "@anthropic-ai/sdk";
import { zodOutputFormat } from "@anthropic-ai/sdk/helpers/zod";
import { Answer, CITY, LINK, NOTHING, PIXEL, QUESTION, RESULTS, broken, calls, user } from "./told.mjs";

const WEATHER = { name: "get_weather", description: "Weather", input_schema: CITY };
const CLOCK = { name: "get_time", description: "Time", input_schema: NOTHING };
const ENDS = { end_turn: "end", tool_use: "tool", max_tokens: "limit" };
const THINKING = {
  max_tokens: 3000,
  tools: [WEATHER],
  thinking: { type: "enabled", budget_tokens: 1024, display: "summarized" },
};

export default ({ base, key, small, think, faulty }) => {
  const { messages } = new Anthropic({ baseURL: base, apiKey: key, maxRetries: 2 });
  const asking = { model: small, max_tokens: 200, messages: [user(QUESTION)] };
  const said = (message) => message.content.map((block) => (block.type === "text" ? block.text : "")).join("");
  const made = (message) => message.content.filter((block) => block.type === "tool_use");
  const facts = (message) => ({
    said: said(message),
    ended: ENDS[message.stop_reason],
    used: [message.usage.input_tokens, message.usage.output_tokens],
  });
  const answered = (message) => [
    { role: "assistant", content: message.content },
    user(made(message).map(({ id, name }) => ({ type: "tool_result", tool_use_id: id, content: RESULTS[name] }))),
  ];
  const whole = (asked) => messages.create(asked);
  const final = (asked) => messages.stream(asked).finalMessage();

  const streamed = async (model) => {
    const stream = messages.stream({ ...asking, model });
    let pieces = 0;
    stream.on("text", () => (pieces += 1));
    return { ...facts(await stream.finalMessage()), streamed: pieces > 1 };
  };

  const thinking = async (ask) => {
    const turns = [user("use the tool")];
    const first = await ask({ model: think, messages: turns, ...THINKING });
    const second = await ask({ model: think, messages: [...turns, ...answered(first)], ...THINKING });
    const thought = first.content.map((block) => (block.type === "thinking" ? block.thinking : "")).join("");
    return { thought, signed: first.content.some((block) => block.signature || block.data), said: said(second) };
  };

  const seen = async (source) => {
    const content = [{ type: "image", source }, { type: "text", text: "what is it" }];
    return { said: said(await whole({ ...asking, messages: [user(content)] })) };
  };

  return {
    text: async () => facts(await whole(asking)),
    stream: () => streamed(small),
    slow: () => streamed(faulty("delay=2")),
    parallel: async () => {
      const asked = { ...asking, tools: [WEATHER, CLOCK] };
      const turns = [user("use both tools in parallel")];
      const first = await final({ ...asked, messages: turns });
      const second = await final({ ...asked, messages: [...turns, ...answered(first)] });
      const told = calls(made(first).map((block) => [block.name, block.input]));
      return { calls: told, ended: ENDS[first.stop_reason], said: said(second) };
    },
    loop: async () => {
      const asked = { ...asking, tools: [WEATHER] };
      const turns = [user("use the tool")];
      const second = await whole({ ...asked, messages: [...turns, ...answered(await whole({ ...asked, messages: turns }))] });
      return { said: said(second), ended: ENDS[second.stop_reason] };
    },
    thinking: () => thinking(whole),
    thinking_stream: () => thinking(final),
    structured: async () =>
      (await messages.parse({ ...asking, output_config: { format: zodOutputFormat(Answer) } })).parsed_output,
    image: () => seen({ type: "base64", media_type: "image/png", data: PIXEL }),
    image_link: () => seen({ type: "url", url: LINK }),
    broken: async () =>
      broken(await whole({ ...asking, model: faulty("cut-events=3c"), stream: true }), (event) =>
        event.type === "content_block_delta",
      ),
  };
};
