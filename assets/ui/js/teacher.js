// The teacher's page: how many learners are here, what they run, and the link that they are offered.
(() => {
  const PERIOD = 3000; // milliseconds between two looks
  const key = new URLSearchParams(location.search).get("key");
  const find = (id) => document.getElementById(id);

  function show({ learners, waiting, runs, link }) {
    find("learners").textContent = learners;
    find("waiting").textContent = waiting;
    for (const place of document.querySelectorAll("[data-tab]")) {
      place.textContent = runs[place.dataset.tab] ?? 0;
    }
    find("none").hidden = Boolean(link);
    find("offered").textContent = link && `/?${link}`;
    find("offered").href = `/?${link}`;
  }

  async function ask(body = {}) {
    const answer = await fetch("/teacher", { method: "POST", body: JSON.stringify({ key, ...body }) });
    const said = await answer.json();
    if (answer.ok) show(said);
    find("wrong").textContent = answer.ok ? "" : said.detail;
    return answer.ok;
  }

  find("offer").onsubmit = async (event) => {
    event.preventDefault();
    if (await ask({ link: find("link").value })) find("link").value = "";
  };
  find("back").onclick = () => ask({ link: "" });
  setInterval(() => ask().catch(() => {}), PERIOD); // a server that restarts is asked again
  ask();
})();
