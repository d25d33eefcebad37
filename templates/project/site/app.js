// The API answers under the page's own address, so nothing has to be configured.
const answer = await fetch(`/api/hello${location.search}`);
document.getElementById("message").textContent = answer.ok ? (await answer.json()).message : `The API answered ${answer.status}.`;
