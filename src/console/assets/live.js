// Keeps the start page as it is on the server. Without this script the page is whole, and as old as it says.

const live = document.getElementById("live");

if (live && "EventSource" in window) {
  let source;
  let waiting = null;

  const show = (html) => {
    if (live.innerHTML === html) return;
    // Somebody who is at a link with the keyboard, or marks text, is not taken away from it.
    const selection = document.getSelection();
    const marks = selection && !selection.isCollapsed && live.contains(selection.anchorNode);
    if (live.contains(document.activeElement) || marks) {
      waiting = html;
      return;
    }
    waiting = null;
    live.innerHTML = html;
  };

  const open = () => {
    if (source) return;
    source = new EventSource(live.dataset.source);
    source.addEventListener("parts", (event) => show(event.data));
    // The session has ended: what is shown is not true for long any more.
    source.addEventListener("ended", () => {
      close();
      location.reload();
    });
  };

  const close = () => {
    if (!source) return;
    source.close();
    source = undefined;
  };

  live.addEventListener("focusout", () => {
    if (waiting !== null) setTimeout(() => waiting !== null && show(waiting), 0);
  });
  // A page that nobody sees asks for nothing.
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  window.addEventListener("pagehide", close);
  if (!document.hidden) open();
}
