// Shows the present time of the time zone that an input names; panel/widgets/zone_field.py has written it for the first one.
"use strict";
{
  const timeIn = (timeZone) =>
    new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone }).format(new Date());
  for (const field of document.querySelectorAll(".zone-field")) {
    const input = field.querySelector("input");
    const output = field.querySelector("output");
    const known = new Set([...input.list.options].map((option) => option.value));
    const show = () => {
      output.textContent = known.has(input.value) ? `It is ${timeIn(input.value)} there now.` : "";
    };
    input.addEventListener("input", show);
    // So that typing replaces the name: browsers suggest only what contains the text of the input.
    input.addEventListener("focus", () => input.select());
  }
}
