// What Gradio 6.31 does slowly or wrong.

// It looks for the events of each component among those of all, in a list that Svelte makes
// reactive: a third of what its scripts do while the page loads. Svelte leaves alone what is no
// plain object.
for (const event of window.gradio_config?.dependencies ?? []) {
  Object.setPrototypeOf(event, Object.create(Object.prototype));
}

// It ends an event by the name that the server's answer to it gives, which a young one does not have
// yet, and forgets then whatever its button has started meanwhile. The page ends its events itself.
(() => {
  const { fetch } = window, JOIN = /\/gradio_api\/queue\/join\b/, ENDS = "/gradio_api/cancel";
  const events = {}; // by the button: a promise of what the server must be told to end its last one
  const known = {}; // what fulfils those of them that are not on their way yet

  function expect(button) {
    events[button] = new Promise((resolve) => { known[button] = resolve; });
  }

  // The server ends all that a session runs of one function: what is started before it has
  // answered would end, too.
  async function cancel(button) {
    const event = await events[button];
    if (!event) return; // it never began
    const [body, headers] = [JSON.stringify(event), { "Content-Type": "application/json" }];
    await fetch(gradio_config.root + ENDS, { method: "POST", headers, body }).catch(() => {});
  }

  const never = (button) => known[button]?.(null); // it has ended without being asked for

  const read = (text) => {
    try {
      return JSON.parse(text) ?? {};
    } catch {
      return {};
    }
  };

  async function joined({ session_hash, fn_index, trigger_id }, answer) {
    window.stepwise.session = session_hash; // by which the server knows this page
    const button = gradio_config.components.find(({ id }) => id === trigger_id)?.props.elem_id;
    if (!button) return;
    if (!known[button]) expect(button);
    const know = known[button];
    delete known[button];
    const text = await answer.then((response) => response.clone().text(), () => "");
    const { event_id } = read(text);
    know(event_id ? { session_hash, fn_index, event_id } : null);
  }

  window.fetch = (address, options = {}) => {
    const answer = fetch(address, options);
    if (JOIN.test(address?.url ?? address)) joined(read(options.body), answer);
    return answer;
  };

  window.stepwise = Object.assign(window.stepwise ?? {}, { expect, cancel, never });
})();
