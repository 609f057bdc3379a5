// Ask the search of a built site: node search.mjs SITE WORD… prints a JSON list of pages for each word, the best first.
import { readFileSync } from "node:fs";
import vm from "node:vm";

const [site, ...words] = process.argv.slice(2);
const context = vm.createContext({
  console,
  document: { getElementById: () => ({}) }, // it shows its progress there
  DOCUMENTATION_OPTIONS: { FILE_SUFFIX: ".html", LINK_SUFFIX: ".html", BUILDER: "html" },
  SPHINX_HIGHLIGHT_ENABLED: false,
  localStorage: { setItem() {} },
  _: (text) => text, // no translation
  _ready() {}, // the page, which is not there
});
context.window = context;
for (const file of ["language_data", "searchtools", "search_words"].map((name) => `_static/${name}.js`)) {
  vm.runInContext(readFileSync(`${site}/${file}`, "utf-8"), context, { filename: file });
}
vm.runInContext(readFileSync(`${site}/searchindex.js`, "utf-8"), context);
const results = vm.runInContext(
  `(words) => words.map((word) => Search._performSearch(...Search._parseQuery(word)).reverse().map((found) => found[0]))`,
  context,
)(words);
console.log(JSON.stringify(results));
