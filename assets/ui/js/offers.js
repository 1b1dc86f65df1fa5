// What a teacher offers: in a class the page asks for it every few seconds, and says it once.
(() => {
  const PERIOD = 4000; // milliseconds
  let heard = 0; // the number of the last offer

  function part(tag, say, more) { // the words follow the language of the page
    const node = Object.assign(document.createElement(tag), more);
    node.dataset.say = JSON.stringify(say);
    return node;
  }

  function take() {
    document.querySelector(".offer")?.remove();
  }

  function put(link) {
    const [tab] = stepwise.homes[new URLSearchParams(link).get("tab")] ?? ["sampling"];
    const offer = Object.assign(document.createElement("aside"), { className: "offer" });
    offer.setAttribute("role", "status");
    offer.append(
      part("span", ["offer.says", { tab: [`tab.${tab}`, {}] }]),
      part("a", ["offer.open", {}], { href: `?${link}` }),
      part("button", ["offer.later", {}], { type: "button", onclick: take }),
    );
    document.body.append(offer);
  }

  async function ask() {
    const answer = await fetch("offer", { cache: "no-store" });
    const { number, link } = await answer.json();
    if (number === heard) return;
    heard = number;
    take();
    if (link && `?${link}` !== location.search) put(link);
  }

  if (document.querySelector("meta[name=stepwise-class]")) {
    setInterval(() => ask().catch(() => {}), PERIOD); // a server that is gone is said elsewhere
  }
})();
