// What Gradio 6.31 does slowly or wrong.

// It looks for the events of each component among those of all, in a list that Svelte makes
// reactive: a third of what its scripts do while the page loads. Svelte leaves alone what is no
// plain object.
for (const event of window.gradio_config?.dependencies ?? []) {
  Object.setPrototypeOf(event, Object.create(Object.prototype));
}

// It cancels an event by the name that the server's answer to it gives. One that is ended
// before that answer is here has none: the server would refuse, and go on with the run.
(() => {
  const { fetch } = window, ROUTE = /\/gradio_api\/(?:queue\/)?(join|cancel|reset)\b/;
  const names = new Map(); // of the event that each function was last asked for; promises
  let cancelled; // the name of the last one: what follows it, a reset, says it once more

  const read = (body) => {
    try {
      return JSON.parse(body) ?? {};
    } catch {
      return {};
    }
  };

  const nameOf = (answer) => answer.then((response) => response.clone().text())
    .then((text) => read(text).event_id, () => ""); // "": it never began

  async function ended(address, options, body, last) {
    const name = await (last ? cancelled : names.get(body.fn_index));
    cancelled = name;
    if (!name) return new Response("{}"); // there is nothing to end
    return fetch(address, { ...options, body: JSON.stringify({ ...body, event_id: name }) });
  }

  function remember({ session_hash: session }) { // by which the server knows this page
    window.stepwise = Object.assign(window.stepwise ?? {}, { session });
  }

  window.fetch = (address, options = {}) => {
    const [, asked] = String(address?.url ?? address).match(ROUTE) ?? [];
    const body = asked ? read(options.body) : {};
    if (asked && asked !== "join" && !body.event_id) {
      return ended(address, options, body, asked === "reset");
    }
    const answer = fetch(address, options);
    if (asked === "join") remember(body);
    if (asked === "join") names.set(body.fn_index, nameOf(answer));
    return answer;
  };
})();
