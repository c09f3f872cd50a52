import { make, say } from "../common/dom.js";
import { wholeTime } from "../common/format.js";
import { texts } from "../texts.en.js";
import { worker } from "./asking.js";

const words = texts.setup.preview;
const MOST_SHOWN = 50;

/** What a rule would have told on the last day or days, before it is saved. */
export class Preview {
  /** `rule` returns the rule as it is filled in; null: it is not whole. */
  constructor(site, rule) {
    this.problem = make("p", { class: "problem", role: "alert" });
    this.result = make("p", { role: "status", id: "preview" });
    this.list = make("ul", { class: "quiet", "aria-label": words.list });
    const ask = (days) => async () => {
      const body = { rule: rule(), days };
      if (body.rule) this.show(await site.api("POST", "v1/rules/preview", body));
    };
    this.root = make("fieldset", {}, make("legend", {}, words.title),
      make("div", { class: "row" }, worker(words.day, this.problem, ask(1)), worker(words.week, this.problem, ask(7))),
      this.result, this.list, this.problem);
  }

  show(found) {
    say(this.result, words.result(found));
    const shown = found.raised.slice(0, MOST_SHOWN);
    this.list.replaceChildren(...shown.map((each) => make("li", {}, `${wholeTime(each.time_utc)}: ${each.message}`)));
    if (found.raised.length > MOST_SHOWN) this.list.append(make("li", {}, words.more(found.raised.length - MOST_SHOWN)));
  }
}
