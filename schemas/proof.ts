/** What a delivery's record says, wherever it is shown: in the API, at the command line, in the partners' guide. */
export const meaningOf2xx =
  "A 2xx proves that whoever holds the certificate's key, at this address and time, sent it over the connection of the " +
  'request, and that it was read after all of the request had been handed to the network; without TLS, whoever answers ' +
  'there. It does not prove that the request arrived, that it was read before it was answered, or that anything was done ' +
  'with it.';
