// Asks the reading endpoints again and again. Knows nothing of how the answers are shown.

const timeout = 5_000;
const longestPause = 30_000;
const tokenName = "liveinsight-token";

/** The reading token, if the installation asks for one: kept until the tab is closed. */
export const token = {
  get() { try { return sessionStorage.getItem(tokenName); } catch { return this.typed; } },
  set(value) {
    this.typed = value;
    try { sessionStorage.setItem(tokenName, value); } catch { /* private mode: kept until the page is reloaded */ }
  },
};

/**
 * The `data` of an answer. The browser keeps answers with their entity tags and asks whether they changed; `no-cache` means just that,
 * where otherwise it would show a kept one first and ask behind our back.
 * Fails with an error that has the `status`, or none if there was no answer, and the `field` that the answer blames, if any.
 */
export async function ask(path) {
  const headers = { accept: "application/json" };
  if (token.get()) headers.authorization = `Bearer ${token.get()}`;
  const response = await fetch(path, { cache: "no-cache", signal: AbortSignal.timeout(timeout), headers });
  if (!response.ok) {
    const { status } = response;
    const field = (await response.json().catch(() => null))?.details?.field;
    throw Object.assign(new Error(`status ${status}`), { status, field });
  }
  return (await response.json()).data;
}

/**
 * Runs `request` in a loop: never twice at a time, not while the page is hidden, more rarely while it fails.
 * `pause()` gives milliseconds; `done(trouble)` hears after each turn what went wrong, `{ status, field }`, or null.
 * Returns a function that asks at once.
 */
export function poll(request, pause, done) {
  let timer, failures = 0, isRunning = false, isAskedAgain = false;
  const turn = async () => {
    if (isRunning) { isAskedAgain = true; return; }
    clearTimeout(timer);
    if (document.hidden) return;
    isRunning = true;
    let trouble = null;
    try {
      await request();
      failures = 0;
    } catch (error) {
      failures += 1;
      trouble = { status: error.status ?? null, field: error.field ?? null };
    }
    isRunning = false;
    done(trouble);
    // Without the right token another question would get the same answer.
    if (trouble?.status === 401 && !isAskedAgain) return;
    if (isAskedAgain) { isAskedAgain = false; turn(); return; }
    timer = setTimeout(turn, failures ? Math.min(longestPause, pause() * 2 ** failures) : pause());
  };
  return turn;
}
