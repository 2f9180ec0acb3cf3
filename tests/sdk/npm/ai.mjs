// The AI SDK (`ai`) with each of its providers: it makes the loop of tools itself, and carries thinking and signatures
// from turn to turn.

import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogle } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { Output, generateText, isStepCount, jsonSchema, streamText, tool } from "ai";
import { Answer, CITY, LINK, NOTHING, PIXEL, QUESTION, RESULTS, calls, user } from "./told.mjs";

globalThis.AI_SDK_LOG_WARNINGS = false;

const TOOLS = {
  get_weather: tool({ inputSchema: jsonSchema(CITY), execute: () => RESULTS.get_weather }),
  get_time: tool({ inputSchema: jsonSchema(NOTHING), execute: () => RESULTS.get_time }),
};
const { get_weather } = TOOLS;
const ENDS = { stop: "end", "tool-calls": "tool", length: "limit" };

// How a provider's model is made, and what asks it for thinking. `forgets`: it sends no signature back, so nothing can be
// demanded; `fetches`: it fetches images itself, and sends them as data. Stored items would be named by their ids in the next
// turn, which nobody but their maker understands.
const PROVIDERS = {
  ai_openai: ({ base, key }) => {
    const provider = createOpenAI({ baseURL: `${base}/v1`, apiKey: key });
    const openai = { store: false, forceReasoning: true, reasoningEffort: "low", reasoningSummary: "auto" };
    return { model: (name) => provider.responses(name), plain: { openai: { store: false } }, thinking: { openai } };
  },
  ai_openai_chat: ({ base, key }) => {
    const provider = createOpenAI({ baseURL: `${base}/v1`, apiKey: key });
    return { model: (name) => provider.chat(name), thinking: { openai: { forceReasoning: true, reasoningEffort: "low" } }, forgets: true };
  },
  ai_anthropic: ({ base, key }) => ({
    model: createAnthropic({ baseURL: `${base}/v1`, apiKey: key }),
    thinking: { anthropic: { thinking: { type: "enabled", budgetTokens: 1024 } } },
  }),
  ai_google: ({ base, key }) => ({
    model: createGoogle({ baseURL: `${base}/v1beta`, apiKey: key }),
    thinking: { google: { thinkingConfig: { includeThoughts: true, thinkingBudget: 1024 } } },
    fetches: true,
  }),
  ai_compatible: ({ base, key }) => ({
    model: createOpenAICompatible({
      name: "gateway",
      baseURL: `${base}/v1`,
      apiKey: key,
      includeUsage: true,
      supportsStructuredOutputs: true,
    }),
    thinking: { gateway: { reasoningEffort: "low" } },
    forgets: true,
    fetches: true,
  }),
};

const driver = (open) => (where) => {
  const { small, faulty } = where;
  const { model, thinking, plain, forgets, fetches } = open(where);
  const think = forgets ? where.think.split("!")[0] : where.think;
  const asking = { maxRetries: 2, providerOptions: plain, onError: () => {} };
  const said = async (result) => ({
    said: await result.text,
    ended: ENDS[await result.finishReason],
    used: [(await result.usage).inputTokens, (await result.usage).outputTokens],
  });

  const streamed = async (name) => {
    const result = streamText({ ...asking, model: model(name), prompt: QUESTION });
    let pieces = 0;
    for await (const _ of result.textStream) pieces += 1;
    return { ...(await said(result)), streamed: pieces > 1 };
  };

  const thoughtful = async (run) => {
    const asked = { ...asking, providerOptions: thinking, maxOutputTokens: 3000, tools: { get_weather } };
    const result = run({ ...asked, model: model(think), prompt: "use the tool", stopWhen: isStepCount(2) });
    const steps = await (await result).steps;
    return { thought: steps[0].reasoningText ?? "", said: steps.at(-1).text };
  };

  const seen = async (image) => {
    const content = [{ type: "text", text: "what is it" }, { type: "image", image, mediaType: "image/png" }];
    return { said: (await generateText({ ...asking, model: model(small), messages: [user(content)] })).text };
  };

  return {
    text: async () => said(await generateText({ ...asking, model: model(small), prompt: QUESTION })),
    stream: () => streamed(small),
    slow: () => streamed(faulty("delay=2")),
    parallel: async () => {
      const prompt = "use both tools in parallel";
      const asked = { ...asking, model: model(small), tools: TOOLS, prompt, stopWhen: isStepCount(2) };
      const [first, second] = await streamText(asked).steps;
      const made = calls(first.toolCalls.map((call) => [call.toolName, call.input]));
      return { calls: made, ended: ENDS[first.finishReason], said: second.text };
    },
    loop: async () => {
      const asked = { ...asking, model: model(small), tools: { get_weather }, stopWhen: isStepCount(2) };
      const { text, finishReason } = await generateText({ ...asked, prompt: "use the tool" });
      return { said: text, ended: ENDS[finishReason] };
    },
    thinking: () => thoughtful(generateText),
    thinking_stream: () => thoughtful(streamText),
    structured: async () => {
      const output = Output.object({ schema: Answer });
      return (await generateText({ ...asking, model: model(small), prompt: QUESTION, output })).output;
    },
    image: () => seen(Buffer.from(PIXEL, "base64")),
    ...(fetches ? {} : { image_link: () => seen(new URL(LINK)) }),
    broken: async () => {
      let pieces = 0;
      const errors = [];
      const onError = ({ error }) => errors.push(error);
      const result = streamText({ ...asking, onError, model: model(faulty("cut-events=3c")), prompt: QUESTION });
      try {
        for await (const _ of result.textStream) pieces += 1;
      } catch (error) {
        errors.push(error);
      }
      const told = errors.some((error) => /stopped midway/.test(String(error) + JSON.stringify(error)));
      return { raised: errors.length > 0, pieces, told };
    },
  };
};

export default Object.fromEntries(Object.entries(PROVIDERS).map(([name, open]) => [name, driver(open)]));
