/** RFC 9728. It names no authorization server, since credentials come from our own login and API keys. */
export class ProtectedResourceDto {
  resource: string;
  resource_name: string;
  bearer_methods_supported: string[];
}
