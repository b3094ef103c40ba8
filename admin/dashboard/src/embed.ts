export { TollgateTokens } from "./tokens/element";
