"use strict";
// Shows two models' answers side by side. What models wrote is only ever set as text.
(() => {
  const PAGE = 10;
  const element = (id) => document.getElementById(id);
  const { models, problems } = JSON.parse(element("data").textContent);
  const [first, second, show] = ["first", "second", "show"].map(element);
  const containing = element("containing");
  let shown = PAGE;

  const KEEPS = {
    all: () => true,
    first: (a, b) => a && !b,
    second: (a, b) => !a && b,
    both: (a, b) => a && b,
    neither: (a, b) => !a && !b,
  };

  function made(tag, name, text) {
    const node = document.createElement(tag);
    if (name) node.className = name;
    if (text !== undefined) node.textContent = text;
    return node;
  }

  function words(problem, answers) {
    return [problem.name, problem.question, problem.gold, ...answers.map((one) => one.text)]
      .join("\n")
      .toLowerCase();
  }

  function found() {
    const wanted = containing.value.trim().toLowerCase();
    return problems.filter((problem) => {
      const answers = [problem.answers[first.value], problem.answers[second.value]];
      if (answers.includes(null)) return false;
      const keeps = KEEPS[show.value](answers[0].right, answers[1].right);
      return keeps && (!wanted || words(problem, answers).includes(wanted));
    });
  }

  function side(letter, model, answer) {
    const box = made("div", `answer ${answer.right ? "right" : "wrong"}`);
    const head = made("p", "who");
    head.append(made("b", "", letter), ` ${model} `);
    head.append(made("span", "verdict", answer.verdict));
    box.append(head, made("pre", "", answer.text || "(nothing)"));
    if (answer.read !== null) box.append(made("p", "read", `read as ${answer.read}`));
    return box;
  }

  function shownCase(problem) {
    const box = made("article", "case");
    box.append(made("h3", "", problem.name), made("p", "question", problem.question));
    box.append(made("p", "gold", `Right answer: ${problem.gold}`));
    const pair = made("div", "pair");
    pair.append(side("A", models[first.value], problem.answers[first.value]));
    pair.append(side("B", models[second.value], problem.answers[second.value]));
    box.append(pair);
    return box;
  }

  function render() {
    const cases = found();
    const part = cases.slice(0, shown);
    element("cases").replaceChildren(...part.map(shownCase));
    element("count").textContent =
      `${cases.length} of ${problems.length} problems; ${part.length} shown.`;
    element("more").hidden = part.length === cases.length;
  }

  function restart() {
    shown = PAGE;
    render();
  }

  function more() {
    const before = shown;
    shown += PAGE;
    render();
    const next = element("cases").children[before];
    next.tabIndex = -1;
    next.focus();
  }

  second.value = String(models.length > 1 ? 1 : 0);
  for (const control of [first, second, show]) control.addEventListener("change", restart);
  containing.addEventListener("input", restart);
  element("more").addEventListener("click", more);
  element("filter").hidden = false;
  render();
})();
