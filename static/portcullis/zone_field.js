// Shows the present time of the time zone that an input names; panel/widgets/zone_field.py has written it for the first one.
"use strict";
{
  const timeIn = (timeZone) =>
    new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone }).format(new Date());
  for (const field of document.querySelectorAll(".zone-field")) {
    const input = field.querySelector("input");
    const output = field.querySelector("output");
    const names = new Map([...input.list.options].map((option) => [option.value.toLowerCase(), option.value]));
    const show = () => {
      output.textContent = "";
      const name = names.get(input.value.trim().toLowerCase());
      if (name === undefined) return;
      try {
        output.textContent = `It is ${timeIn(name)} there now.`;
      } catch (error) {
        if (!(error instanceof RangeError)) throw error; // a zone that the server knows and this browser does not
      }
    };
    input.addEventListener("input", show);
    // So that typing replaces the name: browsers suggest only what contains the text of the input.
    input.addEventListener("focus", () => input.select());
  }
}
