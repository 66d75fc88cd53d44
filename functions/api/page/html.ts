/** Text that is HTML already. Only `html` makes it, so that whatever else is put in is escaped. */
class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }
}
export type { Html };

/** HTML with its values escaped, for element content and double-quoted attributes. */
export const html = (
  parts: TemplateStringsArray,
  ...values: readonly (string | number | Html | null)[]
): Html =>
  new Html(
    parts.reduce((text, part, index) => {
      const value = values[index - 1] ?? '';
      return text + (value instanceof Html ? value.text : escape(String(value))) + part;
    }),
  );

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const escape = (text: string): string => text.replaceAll(/[&<>"']/g, (char) => entities[char] ?? '');

/** HTML that is ours as it stands: a style sheet, which must stay byte for byte what its hash says. */
export const trusted = (text: string): Html => new Html(text);
