// Lets Django's actions.js count the rows that a refresh of the list brings. It knows only the checkboxes with which it begins, so it
// is given an array that follows the list.
"use strict";
{
  const beginActions = window.Actions;
  const boxes = [];
  let table = null;

  const findBoxes = () => document.querySelectorAll("tr input.action-select");

  function follow() {
    const found = [...findBoxes()];
    boxes.splice(0, boxes.length, ...found);
    const present = document.getElementById("result_list");
    if (found.length && present !== table) {
      table = present;
      beginActions(boxes);
    }
  }

  // actions.js calls it by this name when the page is ready, which is after this script.
  window.Actions = follow;
  document.addEventListener("live:updated", follow);
}
