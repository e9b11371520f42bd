// Stores the browser's time zone in a cookie; the server shows times in it from the next page on.
"use strict";
{
  const { path } = document.currentScript.dataset;
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone) {
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `zone=${zone}; Path=${path}; Max-Age=31536000; SameSite=Lax${secure}`;
  }
}
