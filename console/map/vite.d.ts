// Tells the type-checker what Vite's imports of style sheets and `?url` files give back.
/// <reference types="vite/client" />
