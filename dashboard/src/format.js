// Numbers, times and names as the reader's language writes them.

import { speaker } from "./texts.js";

/** Everything that depends on the language: `say`, and functions that take a value and give text. */
export function formats(language) {
  const say = speaker(language);
  const unit = (value, name, display = "narrow") =>
    new Intl.NumberFormat(language, { style: "unit", unit: name, unitDisplay: display }).format(value);
  const time = (options) => new Intl.DateTimeFormat(language, options).format;
  const clock = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  const countries = new Intl.DisplayNames(language, { type: "region", fallback: "code" });
  return {
    language,
    say,
    number: new Intl.NumberFormat(language).format,
    percent: new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 }).format,
    /** A share of more or less, to the percent. */
    change: new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 0, signDisplay: "exceptZero" }).format,
    time: time(clock),
    second: time({ ...clock, second: "2-digit" }),
    hour: time({ weekday: "short", ...clock }),
    // Days are those of UTC, so their names are too.
    day: time({ month: "short", day: "numeric", timeZone: "UTC" }),
    minutes: (value) => unit(value, "minute", "short"),
    /** Seconds, to the second. */
    duration(seconds) {
      const whole = Math.round(seconds);
      return whole < 60 ? unit(whole, "second") : `${unit(Math.floor(whole / 60), "minute")} ${unit(whole % 60, "second")}`;
    },
    /** A path as people read it; one with broken escapes stays as it is. */
    page(path) {
      if (path === "(other)") return say("otherPages");
      try { return decodeURI(path); } catch { return path; }
    },
    referrer: (host) => (host === "(direct)" ? say("direct") : host === "(other)" ? say("others") : host),
    country(code) {
      if (code === "(other)") return say("others");
      try { return countries.of(code) ?? code; } catch { return say("unknown"); }
    },
    device: (device) => (device === "(other)" ? say("others") : say(device)),
    /** What happened: the names that the tracker sends by itself are translated, a site's own stay as they are. */
    event: (type) => say(`event_${type}`, {}, type),
  };
}
