import { make, say } from "../common/dom.js";
import { dayAndClock, percent } from "../common/format.js";
import { texts } from "../texts.en.js";
import { ask, careful, toTitle, worker } from "./asking.js";
import { RuleForm } from "./rule_form.js";

const words = texts.setup.rules;

/** Show all rules. */
export async function showRules(root, site) {
  const list = make("ul", { class: "things", "aria-label": words.list });
  const none = make("p", { hidden: true }, words.none);

  async function refresh() {
    const rules = await site.api("GET", "v1/rules");
    none.hidden = rules.length > 0;
    list.replaceChildren(...rules.map((rule) => card(rule, site, refresh)));
  }

  root.append(make("p", { class: "row" }, make("a", { class: "button primary", href: "#/rule" }, words.add)), none, list);
  await refresh();
}

function card(rule, site, refresh) {
  const { name, settings } = rule;
  const problem = make("p", { class: "problem", role: "alert" });
  const result = make("p", { role: "status", class: "quiet" });
  const test = worker(words.test, problem, async () => {
    say(result, words.testing);
    try {
      say(result, tested(await site.api("POST", "v1/test-alert", { name })));
    } catch (error) {
      say(result, "");
      throw error;
    }
  }, { "aria-label": words.testThis(name) });
  const remove = worker(texts.setup.remove, problem, async () => {
    if (!(await ask(words.reallyRemove(name), texts.setup.remove))) return;
    await site.api("DELETE", `v1/rules/${encodeURIComponent(name)}`);
    await refresh();
    toTitle();
  }, { class: "danger", "aria-label": words.removeThis(name) });
  const change = make("a", { class: "button", href: `#/rule/${encodeURIComponent(name)}`, "aria-label": words.change(name) }, texts.setup.change);
  const judged = rule.wrong_share === null ? words.notJudged(rule.alerts) : words.judged(rule.alerts, rule.right + rule.wrong, percent(rule.wrong_share));
  const told = rule.channels.length ? words.toldBy(rule.channels.join(", ")) : words.toldByNone;
  const snoozed = rule.snoozed.map((each) => make("p", { class: "quiet" },
    words.snoozed(each.camera, each.zone, dayAndClock(each.until_utc), each.by)));
  return make("li", { class: "card" }, make("h3", {}, name), make("p", {}, words.says(settings)),
    make("p", { class: "quiet" }, told, " ", judged), ...snoozed, make("p", { class: "row" }, change, test, remove), result, problem);
}

/** Return in words what came of a test message. */
function tested(results) {
  if (!results.length) return words.noChannel;
  return results.map(({ channel, error }) => (error ? words.notArrived(channel, error) : words.arrived(channel))).join(" ");
}

/** Add a rule, or change one. */
export async function showRule(root, site, name) {
  const [rules, cameras, channels] = await Promise.all(
    ["v1/rules", "v1/cameras", "v1/channels"].map((path) => site.api("GET", path)),
  );
  const known = name === undefined ? null : rules.find((rule) => rule.name === name);
  if (known === undefined) throw new Error(words.gone(name));
  const save = careful(known?.settings);
  const now = async () => (await site.api("GET", "v1/rules")).find((rule) => rule.name === name)?.settings;
  const form = new RuleForm(known?.settings ?? null, { cameras, channels }, site, async (rule) => {
    if (known) await save(now, () => site.api("PUT", `v1/rules/${encodeURIComponent(name)}`, { rule }));
    else await site.api("POST", "v1/rules", { rule });
    location.hash = "#/rules";
  });
  root.append(form.root);
  return form.leave;
}
