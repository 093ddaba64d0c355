/** Why a document gives no text. */
export type DocumentFaultCode =
  'password_required' | 'empty' | 'no_text' | 'damaged' | 'too_large' | 'too_complex' | 'unsupported';

/** Thrown by parsers; does not leave the thread, where it becomes its code. */
export class DocumentFault extends Error {
  readonly code: DocumentFaultCode;

  constructor(code: DocumentFaultCode) {
    super(`The document can not be read: ${code}`);
    this.code = code;
  }
}
