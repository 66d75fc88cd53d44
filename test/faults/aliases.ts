const booking = /booking~[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/;
const bookings = new RegExp(booking, 'g');
const shapes = new RegExp(`${booking.source}|[0-9a-f]{64}|eyJ[\\w+/]+={0,2}`, 'g');

/** Names of cases in what their tags are not in: a booking's random id, the hash of a key, a body in base64. */
export class Aliases {
  readonly #tags = new Map<string, string>();

  /** Throws what it would not find again. */
  add(alias: string, tag: string): void {
    if (alias.match(shapes)?.join() !== alias) throw new TypeError(`${alias} has no known shape`);
    this.#tags.set(alias, tag);
  }

  /** Learns what a call of one case alone names: bookings have random ids. */
  learn(text: string, tag: string): void {
    for (const name of text.match(bookings) ?? []) this.add(name, tag);
  }

  /** The cases that a text names. */
  tagsIn(text: string): string[] {
    return (text.match(shapes) ?? []).flatMap((alias) => this.#tags.get(alias) ?? []);
  }
}
