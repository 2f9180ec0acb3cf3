// Plays every driver's scenarios with every provider's models, and prints the facts by driver, provider and scenario:
// node play.mjs ACCESS_KEY BASE_URL SCENARIO,SCENARIO… PROVIDER…
// `PROVIDER/MODEL` names the model that thinks, where it is another one.

import ai from "./ai.mjs";
import anthropic_messages from "./anthropic_messages.mjs";
import openai_chat from "./openai_chat.mjs";
import openai_responses from "./openai_responses.mjs";

const DRIVERS = { openai_chat, openai_responses, anthropic_messages, ...ai };
const [key, base, names, ...targets] = process.argv.slice(2);

const played = async (scenario) => {
  try {
    return await scenario();
  } catch (error) {
    return `${error?.stack ?? error} ${error?.responseBody ?? ""}`;
  }
};

const told = {};
for (const [name, driver] of Object.entries(DRIVERS)) {
  told[name] = {};
  for (const target of targets) {
    const [provider, thinker = "sandbox-think"] = target.split("/");
    const small = `${provider}:sandbox-small`;
    const scenarios = driver({ base, key, small, think: `${provider}:${thinker}`, faulty: (faults) => `${small}!${faults}` });
    const mine = Object.entries(scenarios).filter(([scenario]) => names.split(",").includes(scenario));
    const facts = await Promise.all(mine.map(async ([scenario, play]) => [scenario, await played(play)]));
    told[name][target] = Object.fromEntries(facts);
  }
}
// Idle connections would keep the process for some seconds.
process.stdout.write(JSON.stringify(told), () => process.exit(0));
