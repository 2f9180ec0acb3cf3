// The Responses API through `openai`.

import OpenAI from "openai";
import { zodTextFormat } from "openai/helpers/zod";
import { Answer, CITY, LINK, NOTHING, PIXEL, QUESTION, RESULTS, broken, calls, user } from "./told.mjs";

const WEATHER = { type: "function", name: "get_weather", parameters: CITY, strict: false };
const CLOCK = { type: "function", name: "get_time", parameters: NOTHING, strict: false };
const THINKING = {
  tools: [WEATHER],
  reasoning: { effort: "low", summary: "auto" },
  include: ["reasoning.encrypted_content"],
  store: false,
};

export default ({ base, key, small, think, faulty }) => {
  const { responses } = new OpenAI({ baseURL: `${base}/v1`, apiKey: key, maxRetries: 2 });
  const made = (answer) => answer.output.filter((item) => item.type === "function_call");
  const ended = (answer) => (made(answer).length ? "tool" : { completed: "end", incomplete: "limit" }[answer.status]);
  const facts = (answer) => ({
    said: answer.output_text,
    ended: ended(answer),
    used: [answer.usage.input_tokens, answer.usage.output_tokens],
  });
  // What the SDK's own parsing added is no part of what was said.
  const answered = (answer) => [
    ...answer.output.map(({ parsed_arguments, ...item }) => item),
    ...made(answer).map(({ call_id, name }) => ({ type: "function_call_output", call_id, output: RESULTS[name] })),
  ];
  const whole = (asked) => responses.create(asked);
  const final = (asked) => responses.stream(asked).finalResponse();

  const streamed = async (model) => {
    const stream = responses.stream({ model, input: QUESTION });
    let pieces = 0;
    stream.on("response.output_text.delta", () => (pieces += 1));
    return { ...facts(await stream.finalResponse()), streamed: pieces > 1 };
  };

  const thinking = async (ask) => {
    const input = [user("use the tool")];
    const first = await ask({ model: think, input, ...THINKING });
    const second = await ask({ model: think, input: [...input, ...answered(first)], ...THINKING });
    const items = first.output.filter((item) => item.type === "reasoning");
    const thought = items.flatMap((item) => item.summary.map((part) => part.text)).join("");
    return { thought, signed: items.some((item) => item.encrypted_content), said: second.output_text };
  };

  const seen = async (image_url) => {
    const content = [{ type: "input_text", text: "what is it" }, { type: "input_image", image_url, detail: "auto" }];
    return { said: (await responses.create({ model: small, input: [user(content)] })).output_text };
  };

  return {
    text: async () => facts(await responses.create({ model: small, input: QUESTION })),
    stream: () => streamed(small),
    slow: () => streamed(faulty("delay=2")),
    parallel: async () => {
      const asked = { model: small, tools: [WEATHER, CLOCK] };
      const input = [user("use both tools in parallel")];
      const first = await final({ ...asked, input });
      const second = await final({ ...asked, input: [...input, ...answered(first)] });
      const told = calls(made(first).map((call) => [call.name, call.arguments]));
      return { calls: told, ended: ended(first), said: second.output_text };
    },
    loop: async () => {
      const asked = { model: small, tools: [WEATHER] };
      const input = [user("use the tool")];
      const second = await whole({ ...asked, input: [...input, ...answered(await whole({ ...asked, input }))] });
      return { said: second.output_text, ended: ended(second) };
    },
    thinking: () => thinking(whole),
    thinking_stream: () => thinking(final),
    structured: async () => {
      const asked = { model: small, input: QUESTION, text: { format: zodTextFormat(Answer, "answer") } };
      return (await responses.parse(asked)).output_parsed;
    },
    image: () => seen(`data:image/png;base64,${PIXEL}`),
    image_link: () => seen(LINK),
    broken: async () => {
      let told = false;
      const stream = await responses.create({ model: faulty("cut-events=3c"), input: QUESTION, stream: true });
      const facts = await broken(stream, (event) => {
        told ||= event.type === "error" && /stopped midway/.test(event.message);
        return event.type === "response.output_text.delta";
      });
      return { ...facts, told: told || facts.told };
    },
  };
};
