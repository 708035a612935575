//! The only public door: GraphQL over the services.
