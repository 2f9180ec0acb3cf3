// What the drivers have in common: the questions, and the words in which all of them tell their facts.

import { z } from "zod";

export const QUESTION = "hello there my friend";
export const PIXEL = "iVBORw0KGgo=";
export const LINK = "https://example.com/pixel.png";
export const CITY = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
export const NOTHING = { type: "object", properties: {} };
export const RESULTS = { get_weather: "sunny", get_time: "noon" };
export const Answer = z.object({ summary: z.string(), score: z.number().int().min(1) });

// Names, and arguments without the spaces that some leave in.
export const calls = (made) =>
  made.map(([name, given]) => [name, JSON.stringify(typeof given === "string" ? JSON.parse(given) : given)]).sort();

export const user = (content) => ({ role: "user", content });

// What a stream of three deltas that is cut off does to an app.
export const broken = async (events, counts) => {
  let pieces = 0;
  try {
    for await (const event of events) pieces += counts(event) ? 1 : 0;
  } catch (error) {
    return { raised: true, pieces, told: /stopped midway/.test(String(error) + JSON.stringify(error)) };
  }
  return { raised: false, pieces };
};
