// When the colours change, what is painted on a canvas must be painted again: whoever reads `colours.count`
// in an effect does so. The page marks its theme on the root, VS Code marks it on the body.

class Colours {
  count = $state(0);

  constructor(page: Document) {
    const observer = new MutationObserver(() => this.count++);
    observer.observe(page.documentElement, { attributeFilter: ["data-theme", "style"] });
    if (page.body !== null) observer.observe(page.body, { attributeFilter: ["class"] });
  }
}

export const colours = new Colours(document);
