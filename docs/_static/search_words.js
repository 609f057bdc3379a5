// Lets the site's search answer questions. Sphinx compares titles and index entries with the whole query, and
// demands all of its words in the text. Here a page whose index entries consist of words of the query comes first,
// and where no page has all of the words, those that have most of them are found.
(() => {
  if (typeof Search === "undefined") return; // a page without a search

  // Words of questions that say nothing about what is asked for.
  const FILLERS = new Set(
    "can could get give go happens happen let like lot lots make need please run runs running set start tell try "
      .concat("use used uses using want wants way work works write")
      .split(" "),
  );
  const stemmer = new Stemmer();
  const wordsOf = (text, left = stopwords) =>
    splitQuery(text.toLowerCase())
      .filter((word) => !stopwords.has(word) && !left.has(word))
      .map((word) => stemmer.stemWord(word));

  // By number of a page: the words of the query that its main index entries consist of.
  const namedBy = (words) => {
    const named = new Map();
    for (const [entry, places] of Object.entries(Search._index.indexentries)) {
      const parts = wordsOf(entry);
      if (!parts.length || !parts.every((part) => words.has(part))) continue;
      for (const [file, , isMain] of places) {
        if (!isMain) continue;
        if (!named.has(file)) named.set(file, new Set());
        parts.forEach((part) => named.get(file).add(part));
      }
    }
    return named;
  };

  // What has some of the words, the page with most of them last, as Sphinx orders it.
  const anyOf = (words, excluded) => {
    const found = new Map();
    for (const word of words)
      for (const result of Search.performTermsSearch(new Set([word]), excluded)) {
        const before = found.get(result[0]);
        if (before) before[4] += result[4];
        else found.set(result[0], result);
      }
    return [...found.values()].sort((one, other) => one[4] - other[4]);
  };

  const performSearch = Search._performSearch;
  Search._performSearch = (query, terms, excluded, ...others) => {
    const words = new Set(wordsOf(query));
    let found = performSearch(query, terms, excluded, ...others);
    if (!found.length && words.size > 1) found = anyOf(wordsOf(query, FILLERS), excluded);
    const { docnames, titles, filenames } = Search._index;
    const rank = new Map(found.map((result, index) => [result[0], index]));
    const first = [...namedBy(words)]
      .sort(
        ([one, its], [other, theirs]) =>
          its.size - theirs.size || (rank.get(docnames[one]) ?? -1) - (rank.get(docnames[other]) ?? -1),
      )
      .map(([file]) => file);
    const isFirst = new Set(first.map((file) => docnames[file]));
    // A place within such a page, which the query names as it stands, is better than the page's beginning.
    const places = new Map(found.map((result) => [result[0], result]));
    return [
      ...found.filter((result) => !isFirst.has(result[0]) || places.get(result[0]) !== result),
      ...first.map(
        (file) =>
          places.get(docnames[file]) ?? [docnames[file], titles[file], "", null, 0, filenames[file], "index"],
      ),
    ];
  };
})();
