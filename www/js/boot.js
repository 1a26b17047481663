// Loads the board, and says so if that fails: without its modules the page could not say anything.

import { showNotice } from "./notice.js";

import("./main.js").catch((error) => {
  showNotice({
    title: "The board could not be loaded",
    text: `${error.message}. If the package has not been built yet, build it and load the page again.`,
    action: "Load again",
    run: () => location.reload(),
  });
});
