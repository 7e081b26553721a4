"use strict";

const ask = document.getElementById("ask");
const choose = document.getElementById("choose");
const said = document.getElementById("said");
// Behind the `#` it has reached no server; once read it leaves the address bar and the history too.
const token = location.hash.slice(1);
history.replaceState(null, "", location.pathname);
(token ? choose : ask).hidden = false;

const say = (text, good) => {
  said.textContent = text;
  said.classList.toggle("bad", !good);
};

async function post(path, body) {
  try {
    const answer = await fetch(path, {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
      credentials: "omit",
    });
    return answer.ok ? {} : await answer.json();
  } catch {
    return { title: "No connection · 无法连接" };
  }
}

const reasonOf = (problem) => (problem.violations || []).map((one) => one.description).join("; ")
  || problem.detail || problem.title;

choose.addEventListener("submit", async (event) => {
  event.preventDefault();
  const password = document.getElementById("new").value;
  if (password !== document.getElementById("again").value) {
    say("The two differ. · 两次输入不一致。", false);
    return;
  }
  const problem = await post("/v1/passwords:reset", { token, new_password: password });
  if (problem.title) {
    say(reasonOf(problem), false);
    return;
  }
  choose.hidden = true;
  say("Your password is set: you can sign in. · 密码已设置，可以登录了。", true);
});

ask.addEventListener("submit", async (event) => {
  event.preventDefault();
  const problem = await post("/v1/passwords:requestReset", { login: document.getElementById("login").value });
  const done = "If we know you, a mail is on its way. · 如果信息匹配，邮件马上就到。";
  say(problem.title ? reasonOf(problem) : done, !problem.title);
});
