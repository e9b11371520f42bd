// Closes an open menu on Escape, on a click elsewhere, and when the focus leaves it. Without this script only its button does.
"use strict";
{
  const openMenus = () => document.querySelectorAll("details.more-menu[open], details.menu-group[open]");

  function closeUnlessInside(event) {
    for (const menu of openMenus()) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  }

  document.addEventListener("click", closeUnlessInside);
  document.addEventListener("focusin", closeUnlessInside);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of openMenus()) {
      const hadFocus = menu.contains(document.activeElement);
      menu.open = false;
      if (hadFocus) menu.querySelector("summary").focus();
    }
  });
}
