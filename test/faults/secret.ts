/** Signs everything that the cases' endpoints get. */
export const caseSecret = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;
