// Keeps countdowns fresh. Without it they are as old as the page.
"use strict";
const loaded = performance.now();
const MINUTE = 60000;
function tell(element) {
  // The instance's clock, which need not be this device's.
  const now = Date.parse(element.dataset.now) + performance.now() - loaded;
  const minutes = Math.max(1, Math.floor((Date.parse(element.dateTime) - now) / MINUTE));
  const [days, hours, rest] = [Math.floor(minutes / 1440), Math.floor(minutes / 60) % 24, minutes % 60];
  const [day, hour, minute] = element.dataset.units.split(" ");
  if (days) return `${days}\u00a0${day} ${hours}\u00a0${hour}`;
  return hours ? `${hours}\u00a0${hour} ${rest}\u00a0${minute}` : `${rest}\u00a0${minute}`;
}
function tick() {
  for (const element of document.querySelectorAll("time[data-units]")) {
    element.textContent = tell(element);
  }
}
setInterval(tick, MINUTE / 4);
